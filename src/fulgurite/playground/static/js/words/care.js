// What is to be known before a key is used, or the live service. {name} stands for a value.

export const en = {
  careShort: "This page is not bitFlyer's; you use it at your own risk.",
  careOpen: "Read this first",
  careTitle: "Your money and your keys",
  careNotTheirs: "bitFlyer has no part in this page and answers no questions about it. It is free software without any warranty. What you do with it, and what comes of it, is at your own risk.",
  careLive: "On the live service all is real: the prices, the limits and, with a key, your account. There this page listens and places no orders. Try your own program on the embedded exchange first.",
  careTwoFactor: "Turn on two-factor authentication for your bitFlyer account, for signing in as well as for withdrawing and sending.",
  careWatched: "An extension of your browser can read every page and every field, also here. A trojan or a keylogger reads what you type and paste, and so does whoever looks over your shoulder or at a screen that you share. Use a machine that is yours alone, kept up to date, and a browser profile without extensions.",
  careLeast: "Give the key as little as it needs: “receive order events”, and listing orders and executions to repair gaps. Never withdrawals.",
  careSecret: "Whoever has the secret can act as you. Give it to nobody, whoever asks: bitFlyer never does. If you keep it, keep it encrypted, in a keychain or a password manager; never in a program, a file, a chat or a picture.",
  careDelete: "Delete the key at bitFlyer once you no longer need it, and the secret wherever you have kept it. If somebody may have seen it, delete the key at once: to forget it here is not enough.",
  careLinks: "bitFlyer's own documentation:",
  careHttpDocs: "HTTP API",
  careRealtimeDocs: "Realtime API",
  careHttpPlayground: "HTTP API Playground",
};

/** @type {Record<keyof typeof en, string>} */
export const ja = {
  careShort: "このページは bitFlyer のものではありません。自己責任でお使いください。",
  careOpen: "ご利用の前に",
  careTitle: "資金とキーを守るために",
  careNotTheirs: "このページは bitFlyer とは無関係です。bitFlyer にお問い合わせいただくことはできません。無保証のフリーソフトウェアですので、ご利用とその結果についてはすべて自己責任となります。",
  careLive: "本番では、価格も制限も、キーを使えば口座も、すべて本物です。本番でこのページが行うのは受信だけで、注文は出しません。ご自身のプログラムは、まず内蔵取引所でお試しください。",
  careTwoFactor: "bitFlyer のアカウントでは、ログイン時と出金・送付時の両方で二段階認証を有効にしてください。",
  careWatched: "ブラウザーの拡張機能は、このページを含むすべてのページと入力欄を読み取れます。トロイの木馬やキーロガーは、入力や貼り付けの内容を盗みます。背後からののぞき見や画面共有で見られることもあります。ご自身だけが使う最新の状態のコンピューターで、拡張機能を入れていないブラウザーのプロファイルをお使いください。",
  careLeast: "キーの権限は最小限にしてください。「注文のイベントを受信」と、ギャップを補完するための注文・約定の一覧で足ります。出金の権限は決して与えないでください。",
  careSecret: "Secret を知る人は、あなたになりすませます。誰に求められても渡さないでください。bitFlyer が尋ねることもありません。保管する場合は、キーチェーンやパスワードマネージャーで必ず暗号化し、プログラム、ファイル、チャット、画像には残さないでください。",
  careDelete: "使わなくなったキーは bitFlyer で削除し、保管していた Secret も消してください。誰かに見られたおそれがあれば、すぐに bitFlyer でキーを削除してください。ここで忘れるだけでは足りません。",
  careLinks: "bitFlyer の公式ドキュメント：",
  careHttpDocs: "HTTP API",
  careRealtimeDocs: "Realtime API",
  careHttpPlayground: "HTTP API Playground",
};
