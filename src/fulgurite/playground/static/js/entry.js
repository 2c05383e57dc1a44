// Goes from the printed address to the page. The token is not in the address any more then, nor in the tab's history.
// This origin's storage keeps it: other ports of this host see the cookie, and do not see the storage.
import { keepToken } from "./token.js";

keepToken(new URLSearchParams(location.search).get("token") ?? "");
location.replace(`/${location.hash}`);
