// Changes of what a query holds, while it is being read.
import type { Event } from '@contract/workspace'
import type { QueryClient, QueryKey } from '@tanstack/react-query'

/**
 * Puts changes into what a query holds, at once. A read that is under way began from what was there
 * before, other pages among it, and puts that back as it ends: they are put into that once more.
 */
export class Changes {
  private missed: Event[] = []

  constructor(
    private readonly queries: QueryClient,
    private readonly queryKey: QueryKey,
    private readonly patch: (events: Event[]) => void,
  ) {}

  take = (events: Event[]): void => {
    this.settle()
    if (this.isBeingRead()) this.missed.push(...events)
    this.patch(events)
  }

  /** To be called whenever a read may have ended. */
  settle(): void {
    if (this.missed.length === 0 || this.isBeingRead()) return
    const { missed } = this
    this.missed = []
    this.patch(missed)
  }

  private isBeingRead(): boolean {
    const state = this.queries.getQueryState(this.queryKey)
    return state !== undefined && state.fetchStatus !== 'idle'
  }
}
