/** One thing that is tried at a gateway or the resolver, and what is to come of it. */
export interface GatewayTrial {
  readonly id: number
  readonly from: string
  readonly what: string
  /** `allow` with an address list: exactly these are told. */
  readonly expect: 'allow' | 'deny'
  readonly kind: 'name inside' | 'name outside' | 'server' | 'handshake' | 'request' | 'door' | 'reach' | 'peer'
  /** What a name is to lead to, or whose certificate is to be shown; elsewhere empty. */
  readonly addresses: readonly string[]
  /** The HTTP statuses that a refusal may have. */
  readonly statuses: readonly string[]
}
