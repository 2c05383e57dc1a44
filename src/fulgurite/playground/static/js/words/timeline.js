// The texts of the strip along the bottom. {name} stands for a value.

export const en = {
  timeline: "The last ten minutes",
  stripEmpty: "Each connection is a line here, and each gap a hole in it.",
  stripHelp: "Arrow keys walk through what happened, Enter shows it in the connection view.",
  stripWhole: "no gap",
  stripOneGap: "1 gap, {span}",
  stripGaps: "{count} gaps, {span}",
  stripMinutes: "{count} min ago",
  stripNow: "now",
  stripConnection: "Connection {number}",
  stripHole: "{count} channels",
  stripHoleOne: "1 channel",
  laneConnecting: "connecting since {time}",
  laneOpen: "open since {time}",
  laneWaiting: "no connection since {time}, next attempt follows",
  laneUnknown: "not known since {time}: no word from the program behind this page",
  laneOff: "not connected since {time}",
  noticeHide: "Hide",
};

/** @type {Record<keyof typeof en, string>} */
export const ja = {
  timeline: "直近 10 分間",
  stripEmpty: "接続は線で、ギャップは線の切れ目で示します。",
  stripHelp: "矢印キーで出来事を順に選び、Enter キーで接続の表示に移ります。",
  stripWhole: "ギャップなし",
  stripOneGap: "ギャップ 1 件、{span}",
  stripGaps: "ギャップ {count} 件、{span}",
  stripMinutes: "{count} 分前",
  stripNow: "現在",
  stripConnection: "接続 {number}",
  stripHole: "{count} チャンネル",
  stripHoleOne: "1 チャンネル",
  laneConnecting: "{time} から接続中",
  laneOpen: "{time} から接続",
  laneWaiting: "{time} から切断、再接続待ち",
  laneUnknown: "{time} から不明（このページのプログラムから応答なし）",
  laneOff: "{time} から未接続",
  noticeHide: "閉じる",
};
