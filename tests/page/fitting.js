// Called in the page by the tests: texts that are cut off or lie on top of other text, as a list of sentences.
() => {
  const SLACK = 1.5;
  const problems = [];
  const texts = [];
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  for (let node = walker.nextNode(); node; node = walker.nextNode()) {
    const element = node.parentElement;
    if (!node.data.trim() || !element.checkVisibility({ opacityProperty: true, visibilityProperty: true })) continue;
    // Marks of the strip stand at their times, and two things can happen at once. A notice lies upon all for some seconds.
    if (element.closest(".for-readers, option, noscript, title, .strip-marks, [data-notice]")) continue;
    const range = document.createRange();
    range.selectNodeContents(node);
    for (const line of range.getClientRects()) if (line.width >= 1) examine(node, element, line);
  }
  texts.forEach((one, index) => {
    for (const other of texts.slice(index + 1)) {
      if (one.node === other.node) continue;
      const width = Math.min(one.right, other.right) - Math.max(one.left, other.left);
      const height = Math.min(one.bottom, other.bottom) - Math.max(one.top, other.top);
      if (width > 2 && height > 5) problems.push(`${one.node.data.trim()} lies on ${other.node.data.trim()}`);
    }
  });
  return [...new Set(problems)];

  function examine(node, element, line) {
    let box = line;
    let ends = { left: 0, right: innerWidth, top: 0, bottom: innerHeight };
    for (let outer = element; outer && outer !== document.documentElement; outer = outer.parentElement) {
      const style = getComputedStyle(outer);
      if (style.overflowX === "visible" && style.overflowY === "visible") continue;
      const { left, right, top, bottom } = outer.getBoundingClientRect();
      const scrolls = /auto|scroll/.test(style.overflowX) && outer.scrollWidth > outer.clientWidth;
      const isShortened = style.textOverflow === "ellipsis";
      if ((box.right > right + SLACK || box.left < left - SLACK) && !scrolls && !isShortened) {
        problems.push(`cut by ${outer.className || outer.tagName}: ${node.data.trim()}`);
      }
      // Text that is scrolled out of sight, or shortened with a sign of it, is as it should be.
      ends = {
        left: Math.max(ends.left, left), right: Math.min(ends.right, right),
        top: Math.max(ends.top, top), bottom: Math.min(ends.bottom, bottom),
      };
      if (scrolls || isShortened) box = within(box, ends);
    }
    if (box.right > innerWidth + SLACK || box.left < -SLACK) problems.push(`beyond the screen: ${node.data.trim()}`);
    const shown = within(box, ends);
    if (shown.right > shown.left && shown.bottom > shown.top) texts.push({ node, ...shown });
  }

  function within(box, ends) {
    return {
      left: Math.max(box.left, ends.left), right: Math.min(box.right, ends.right),
      top: Math.max(box.top, ends.top), bottom: Math.min(box.bottom, ends.bottom),
    };
  }
}
