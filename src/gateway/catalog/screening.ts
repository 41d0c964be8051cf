import type { ProviderSnapshot } from './provider.js';

/** The lists of a snapshot. */
export type ItemKind = 'tools' | 'prompts' | 'resources' | 'resourceTemplates';

/** Decides which items of a server may be offered: once for each snapshot, when it is taken. */
export interface Screening {
  /** The snapshot without the items that are held back; itself where none is. The same snapshot is judged once. */
  screen(snapshot: ProviderSnapshot): ProviderSnapshot;
  /** True where an item of one of these lists is held back. */
  holds(provider: string, kinds: readonly ItemKind[], name: string): boolean;
  /** Hash of the definition of an item; undefined where definitions are not pinned. */
  pinOf(provider: string, kinds: readonly ItemKind[], name: string): string | undefined;
}

/** Offers everything. */
export const noScreening: Screening = {
  screen: (snapshot) => snapshot,
  holds: () => false,
  pinOf: () => undefined,
};
