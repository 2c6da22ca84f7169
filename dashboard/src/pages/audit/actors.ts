import type { AuditActor } from '@contract/controlplane'

/** Who it was, as people say it; by their subject where no name was kept. */
export function actorInWords(actor: AuditActor | undefined): string {
  if (!actor || actor.kind === 'ACTOR_KIND_ANONYMOUS') return 'Nobody signed in'
  if (actor.kind === 'ACTOR_KIND_SYSTEM') return 'The control plane'
  return actor.displayName || actor.subject
}
