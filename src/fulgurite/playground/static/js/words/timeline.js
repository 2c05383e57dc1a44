// The texts of the strip along the bottom. {name} stands for a value.

export const en = {
  timeline: "The last ten minutes",
  stripEmpty: "Each connection is a line here, and each gap a box on it.",
  stripHelp: "Arrow keys move through the events, Enter shows one in the connection view.",
  stripWhole: "no gap",
  stripOneGap: "1 gap, {span}",
  stripGaps: "{count} gaps, {span}",
  stripMinutes: "{count} min ago",
  stripNow: "now",
  stripConnection: "Connection {number}",
  stripChannel: "1 channel",
  laneConnecting: "connecting since {time}",
  laneOpen: "open since {time}",
  laneWaiting: "disconnected since {time}, reconnecting",
  laneUnknown: "unknown since {time}: Fulgurite did not respond",
  laneOff: "not connected since {time}",
  noticeHide: "Hide",
  fieldFull: "That would be {count} characters, and this field takes {limit}. Nothing was entered.",
  fieldUnseen: "The text had invisible characters, or some that change its direction. They are written out, like \\u202e.",
};

/** @type {Record<keyof typeof en, string>} */
export const ja = {
  timeline: "直近 10 分間",
  stripEmpty: "接続は線で、ギャップは線上の枠で示します。",
  stripHelp: "矢印キーでイベントを選び、Enter キーで接続の表示に移ります。",
  stripWhole: "ギャップなし",
  stripOneGap: "ギャップ 1 件、{span}",
  stripGaps: "ギャップ {count} 件、{span}",
  stripMinutes: "{count} 分前",
  stripNow: "現在",
  stripConnection: "接続 {number}",
  stripChannel: "1 チャンネル",
  laneConnecting: "{time} から接続中",
  laneOpen: "{time} から接続",
  laneWaiting: "{time} から切断、再接続待ち",
  laneUnknown: "{time} から不明（Fulgurite の応答なし）",
  laneOff: "{time} から未接続",
  noticeHide: "閉じる",
  fieldFull: "{count} 文字になりますが、上限は {limit} 文字です。入力しませんでした。",
  fieldUnseen: "目に見えない文字、または表示の向きを変える文字が含まれていました。\\u202e のような形で表示しています。",
};
