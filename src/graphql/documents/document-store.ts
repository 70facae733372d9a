import { LRUCache } from "lru-cache";

/** Documents by the SHA-256 of their texts, as clients have registered them. */
export interface DocumentStore {
  /** Returns the text with that hash, whoever has registered it. It is then one of `owner`'s too. */
  find(hash: string, owner: string): string | undefined;
  /** Keeps a text for `owner`. One that is larger than an owner's share is not kept. */
  add(hash: string, text: string, owner: string): void;
  /** The bytes of all texts, and of the notes on who uses them. */
  readonly usedBytes: number;
}

export interface DocumentStoreOptions {
  /** The bytes that all texts may take together. */
  readonly maxBytes: number;
  /** The bytes that the texts of one owner may take. */
  readonly maxBytesOfOwner: number;
}

interface StoredText {
  readonly text: string;
  readonly bytes: number;
  owners: number;
}

/** The bytes of an entry beside its text. */
const entryOverhead = 300;

/**
 * Returns an empty store. Each text is in memory once and has the owners who use it, and an owner has a share of his
 * own: who registers too much loses his own texts. If there are too many in all, the owner who was idle for the longest
 * time loses his. A text that nobody owns is removed.
 */
export function createDocumentStore({ maxBytes, maxBytesOfOwner }: DocumentStoreOptions): DocumentStore {
  const texts = new Map<string, StoredText>();
  let usedBytes = 0;

  type Share = LRUCache<string, StoredText>;
  const shares = new LRUCache<string, Share>({ max: Math.ceil(maxBytes / entryOverhead), dispose: (share) => share.clear() });

  function createShare(): Share {
    return new LRUCache<string, StoredText>({
      maxSize: maxBytesOfOwner,
      sizeCalculation: ({ bytes }) => bytes + entryOverhead,
      dispose: (stored, hash) => disown(stored, hash),
    });
  }

  function disown(stored: StoredText, hash: string): void {
    usedBytes -= entryOverhead;
    stored.owners -= 1;
    if (stored.owners > 0) return;
    usedBytes -= stored.bytes;
    texts.delete(hash);
  }

  function own(hash: string, stored: StoredText, owner: string): void {
    const share = shares.get(owner) ?? createShare();
    shares.set(owner, share, { noDisposeOnSet: true });
    // Reading it makes it the owner's most recent one.
    if (share.get(hash) || stored.bytes + entryOverhead > maxBytesOfOwner) return;
    if (stored.owners === 0) {
      texts.set(hash, stored);
      usedBytes += stored.bytes;
    }
    stored.owners += 1;
    usedBytes += entryOverhead;
    share.set(hash, stored);
    while (usedBytes > maxBytes && shares.size > 1) shares.pop();
  }

  return {
    find(hash, owner) {
      const stored = texts.get(hash);
      if (stored) own(hash, stored, owner);
      return stored?.text;
    },
    add(hash, text, owner) {
      own(hash, texts.get(hash) ?? { text, bytes: Buffer.byteLength(text), owners: 0 }, owner);
    },
    get usedBytes() {
      return usedBytes;
    },
  };
}
