/** Where the server is: at the root of its host, or below a prefix that a proxy takes off. */

const ROOT = new URL("../../../", import.meta.url); // this file is /assets/web/api/address.js

/** The address of a path of the API, such as "/api/chat". */
export const address = (path) => new URL(path.slice(1), ROOT).href;

/** A name in storage that belongs to this server: others may be on the same host. */
export const ownName = (name) => (ROOT.pathname === "/" ? name : `${name}@${ROOT.pathname}`);
