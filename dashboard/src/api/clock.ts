// Time and chance, so that tests have their own; and how long a connection may be silent.

export interface Clock {
  now(): number
  random(): number
  /** Calls after a while; answers how to take that back. */
  after(ms: number, call: () => void): () => void
}

export const CLOCK: Clock = {
  now: () => Date.now(),
  random: () => Math.random(),
  after: (ms, call) => {
    const timer = setTimeout(call, ms)
    return () => clearTimeout(timer)
  },
}

// Servers say something every 15 s (S17); three times nothing is silence (S18).
export const SILENCE_MS = 45_000

/** Gives up a connection of which nothing is heard for too long. */
export class Silence {
  private takeBack: () => void = () => undefined

  constructor(
    private readonly connection: AbortController,
    private readonly clock: Clock,
  ) {
    this.heard()
  }

  heard = (): void => {
    this.takeBack()
    this.takeBack = this.clock.after(SILENCE_MS, () => this.connection.abort())
  }

  end(): void {
    this.takeBack()
  }
}
