// The advice before a key or the live service is used. {name} stands for a value.

export const en = {
  careShort: "This page is not bitFlyer's. Use it at your own risk.",
  careOpen: "Read this first",
  careTitle: "Your money and your keys",
  careNotTheirs: "bitFlyer has no part in this page and answers no questions about it. It is free software without any warranty. You use it at your own risk.",
  careLive: "On the live service everything is real: the prices, the limits and, with a key, your account. This page is read-only there and sends no orders. Try your own program on the embedded exchange first.",
  careTwoFactor: "Turn on two-factor authentication for your bitFlyer account, for sign-in as well as for withdrawals and transfers.",
  careWatched: "A browser extension can read every page and every field, including this one. A trojan or a keylogger can read everything that you type and paste, and people can see it over your shoulder or on a shared screen. Use an up-to-date machine of your own, and a browser profile without extensions.",
  careLeast: "Give the key only the permissions that it needs: “receive order events”, and listing orders and executions to repair gaps. Never withdrawals.",
  careSecret: "Anyone with the secret can act as you. Give it to nobody; bitFlyer never asks for it. If you store it, store it encrypted, in a keychain or a password manager, and never in a program, a file, a chat or a picture.",
  careDelete: "Delete the key at bitFlyer once you no longer need it, and every copy of the secret. If somebody may have seen it, delete the key at once: removing it here is not enough.",
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
  careNotTheirs: "このページは bitFlyer とは無関係で、bitFlyer へのお問い合わせはできません。無保証のフリーソフトウェアです。ご利用は自己責任でお願いします。",
  careLive: "本番では、価格も制限も、キーを使えば口座も、すべて本物です。本番でこのページが行うのは受信だけで、注文は出しません。ご自身のプログラムは、まず内蔵取引所でお試しください。",
  careTwoFactor: "bitFlyer のアカウントでは、ログイン時と出金・送付時の両方で二段階認証を有効にしてください。",
  careWatched: "ブラウザーの拡張機能は、このページを含むすべてのページと入力欄を読み取れます。トロイの木馬やキーロガーは、入力や貼り付けの内容を盗みます。背後からののぞき見や画面共有で見られることもあります。ご自身だけが使う最新の状態のコンピューターで、拡張機能を入れていないブラウザーのプロファイルをお使いください。",
  careLeast: "キーの権限は最小限にしてください。「注文のイベントを受信」と、ギャップを補完するための注文・約定の一覧で足ります。出金の権限は決して与えないでください。",
  careSecret: "Secret を知っている人は、あなたになりすませます。誰にも渡さないでください。bitFlyer が尋ねることもありません。保管する場合は、キーチェーンやパスワードマネージャーで必ず暗号化し、プログラム、ファイル、チャット、画像には残さないでください。",
  careDelete: "使わなくなったキーは bitFlyer で削除し、保管していた Secret も消してください。誰かに見られた可能性があれば、すぐに bitFlyer でキーを削除してください。ここで消去するだけでは足りません。",
  careLinks: "bitFlyer の公式ドキュメント：",
  careHttpDocs: "HTTP API",
  careRealtimeDocs: "Realtime API",
  careHttpPlayground: "HTTP API Playground",
};
