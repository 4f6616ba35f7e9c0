// @ts-check
// What the tablet keeps: settings and the last route by name, the shift's key, and the queue of unsent facts.

const NAME = "omsorgstid-tablet";

/** @type {Promise<IDBDatabase> | null} */
let opening = null;

/** @returns {Promise<IDBDatabase>} */
function database() {
  opening ??= new Promise((resolve, reject) => {
    const request = indexedDB.open(NAME, 1);
    request.onupgradeneeded = () => {
      request.result.createObjectStore("kept");
      request.result.createObjectStore("outbox", { keyPath: "order", autoIncrement: true });
    };
    request.onsuccess = () => resolve(request.result);
    request.onerror = () => reject(request.error);
  });
  return opening;
}

/**
 * Run one request and wait until its transaction is on disk.
 * @param {"kept" | "outbox"} name
 * @param {IDBTransactionMode} mode
 * @param {(store: IDBObjectStore) => IDBRequest} act
 * @returns {Promise<any>}
 */
async function run(name, mode, act) {
  const transaction = (await database()).transaction(name, mode, { durability: "strict" });
  const request = act(transaction.objectStore(name));
  return new Promise((resolve, reject) => {
    transaction.oncomplete = () => resolve(request.result);
    transaction.onabort = transaction.onerror = () => reject(transaction.error ?? request.error);
  });
}

/** @param {string} key @returns {Promise<any>} undefined when nothing is kept */
export const load = (key) => run("kept", "readonly", (store) => store.get(key));

/** @param {string} key @param {any} value any structured-cloneable value, keys of WebCrypto included */
export const keep = (key, value) => run("kept", "readwrite", (store) => store.put(value, key));

/**
 * The same for what only belongs here while somebody is signed in: an answer that comes after the sign-out is let go.
 * @param {string} key @param {any} value
 */
export const keepForPerson = (key, value) => run("kept", "readwrite", (store) => {
  const asked = store.get("person");
  asked.onsuccess = () => { if (asked.result) store.put(value, key); };
  return asked;
});

/** @param {string} key */
export const forget = (key) => run("kept", "readwrite", (store) => store.delete(key));

/** Everything about persons and rights leaves the tablet; nothing of it survives a sign-out. */
export const forgetAll = () => run("kept", "readwrite", (store) => store.clear());

/** @param {object} fact @returns {Promise<number>} its place in the order */
export const addToOutbox = (fact) => run("outbox", "readwrite", (store) => store.add(fact));

/** @param {object} fact with its `order` */
export const putInOutbox = (fact) => run("outbox", "readwrite", (store) => store.put(fact));

/** @param {number} order */
export const removeFromOutbox = (order) => run("outbox", "readwrite", (store) => store.delete(order));

/** @returns {Promise<any[]>} oldest first */
export const readOutbox = () => run("outbox", "readonly", (store) => store.getAll());
