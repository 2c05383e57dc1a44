// The texts of the frames view. {name} stands for a value.

export const en = {
  frames: "Frames",
  framesBound: "the last {count} are kept",
  pause: "Pause",
  resume: "Resume",
  waiting: "{count} waiting",
  clear: "Clear",
  follow: "Follow",
  followHint: "Keep the newest frame in sight",
  framesEmpty: "Every frame sent and received is listed here, exactly as it went over the wire.",
  sent: "sent",
  receivedFrame: "received",
  closeDetail: "Close",
  copy: "Copy",
  copied: "Copied",
  rawAsCame: "Numbers stand as they came.",
  dropped: "{count} rows left out: this page could not keep up. The connection lost nothing.",
  malformed: "Not understood",
};

/** @type {Record<keyof typeof en, string>} */
export const ja = {
  frames: "フレーム",
  framesBound: "直近 {count} 件を保持",
  pause: "一時停止",
  resume: "再開",
  waiting: "{count} 件待ち",
  clear: "消去",
  follow: "追従",
  followHint: "常に最新のフレームを表示します",
  framesEmpty: "送受信したすべてのフレームが、そのままの形でここに並びます。",
  sent: "送信",
  receivedFrame: "受信",
  closeDetail: "閉じる",
  copy: "コピー",
  copied: "コピー済み",
  rawAsCame: "数値は受信した表記のままです。",
  dropped: "表示が追いつかず {count} 行を省きました。通信の欠落ではありません。",
  malformed: "解釈できません",
};
