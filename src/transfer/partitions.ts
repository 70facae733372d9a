/** Items in batches, of which those of one partition are written one after the other. */
export interface Partitions<Item> {
  /** Adds an item. Resolves when there is room for the next one. Throws what a write has thrown. */
  add(key: string, item: Item, size: number): Promise<void>;
  /** Writes what is left. Resolves when all is written. Throws what a write has thrown. */
  end(): Promise<void>;
}

interface Partition<Item> {
  items: Item[];
  size: number;
  writing: Promise<void>;
}

/**
 * Returns partitions that write batches of at most `maxItems` items and about `maxSize` in size. Items with the same
 * key are in the same partition, so that no two writes under way have the same key.
 */
export function createPartitions<Item>({
  count,
  maxItems,
  maxSize,
  write,
}: {
  readonly count: number;
  readonly maxItems: number;
  readonly maxSize: number;
  readonly write: (items: readonly Item[]) => Promise<void>;
}): Partitions<Item> {
  const partitions = Array.from({ length: count }, (): Partition<Item> => {
    return { items: [], size: 0, writing: Promise.resolve() };
  });

  async function flush(partition: Partition<Item>): Promise<void> {
    await partition.writing;
    const { items } = partition;
    partition.items = [];
    partition.size = 0;
    if (items.length === 0) return;
    partition.writing = write(items);
    // The failure is thrown to whoever waits for the partition next.
    partition.writing.catch(() => undefined);
  }

  return {
    async add(key, item, size) {
      const partition = partitions[partitionHash(key) % count];
      if (!partition) throw new TypeError("There are no partitions.");
      partition.items.push(item);
      partition.size += size;
      if (partition.items.length >= maxItems || partition.size >= maxSize) await flush(partition);
    },
    async end() {
      await Promise.all(
        partitions.map(async (partition) => {
          await flush(partition);
          await partition.writing;
        }),
      );
    },
  };
}

/** FNV-1a: few operations, and it spreads ids that differ in their last characters only. */
function partitionHash(key: string): number {
  let hash = 0x811c9dc5;
  for (let index = 0; index < key.length; index += 1) hash = Math.imul(hash ^ key.charCodeAt(index), 0x01000193);
  return hash >>> 0;
}
