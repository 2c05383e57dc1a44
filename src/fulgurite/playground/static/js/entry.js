// Goes from the printed address to the page. The token is not in the address any more then, nor in the tab's history;
// this origin's storage keeps it, which other ports of this host do not see, while they do see the cookie.
import { keepToken } from "./token.js";

keepToken(new URLSearchParams(location.search).get("token") ?? "");
location.replace(`/${location.hash}`);
