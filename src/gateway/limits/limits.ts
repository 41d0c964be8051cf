/** How much one principal and one provider may have at once. */
export interface CallLimits {
  readonly concurrencyPerPrincipal: number;
  readonly concurrencyPerProvider: number;
  /** Providers with a limit of their own. */
  readonly concurrencyOf?: ReadonlyMap<string, number> | undefined;
}
