// Addresses of endpoints, as they are typed or stand in a link.

const URL_LIMIT = 2000;

/** An address that the backend takes: with a host, without a user name, a password, a fragment and the port 0. */
const ADDRESS = /^(ws|http)s?:\/\/(?![^/?]*:0+([/?]|$))[^/?#@\s]+([/?][^#\s]*)?$/i;
const REAL_HOST = /^(?:[^/?#]*\.)?bitflyer\.com\.?$/i;

/** Whether a text is an address already, and not one that is still being typed. @param {string} text */
export const isAddress = (text) => ADDRESS.test(text) && URL.canParse(text);

/** Whether an address is one of the real service. @param {string} text */
export const isRealAddress = (text) => URL.canParse(text) && REAL_HOST.test(new URL(text).hostname);

/**
 * Whether an address may stand in a link: user names, passwords and queries may be secret.
 * @param {string} text
 * @param {RegExp} schemes
 */
function isShareable(text, schemes) {
  if (!URL.canParse(text)) return false;
  const { protocol, username, password, search, hash } = new URL(text);
  return text.length <= URL_LIMIT && schemes.test(protocol) && !username && !password && !search && !hash;
}

/** Whether a link may hold the address of an endpoint. @param {string} text */
export const isShareableEndpoint = (text) => isShareable(text, /^(ws|http)s?:$/);

/** Whether a link may hold the address of an HTTP API. @param {string} text */
export const isShareableHttp = (text) => isShareable(text, /^https?:$/);
