// What triggers wait for, in words, and what their firings look like.
import type { FiringState, Occurrence, WebhookKind } from '@contract/workspace'
import { idOf } from '@/api/session'
import { type Look, lookOf } from '@/ui/states'

/** "run of collect: failed", "model fraud: production", "artifact data: new version", "webhook ci: push". */
export function occurrenceWords({ run, model, artifact, webhook }: Occurrence = {}): string {
  if (run) {
    const states = run.states.map((state) => lookOf(state).word.toLowerCase()).join(', ')
    return `run of ${idOf(run.pipeline) || 'any pipeline'}: ${states}`
  }
  if (model) {
    const stages = model.stages.map((stage) => stage.replace('MODEL_STAGE_', '').toLowerCase())
    return `model ${idOf(model.model)}: ${stages.join(', ') || 'new version'}`
  }
  if (artifact) return `artifact ${idOf(artifact.artifact)}: new version`
  if (!webhook) return '–'
  const where = webhook.filter && ` where ${webhook.filter}`
  return `webhook ${idOf(webhook.webhook)}: ${webhook.eventTypes.join(', ') || 'every message'}${where}`
}

type Marked = Omit<Look, 'isOver'>
const NONE: Marked = { word: 'None yet', icon: 'hands', tone: 'mute' }
const FIRINGS: Record<string, Marked> = {
  FIRING_STATE_PENDING: { word: 'Pending', icon: 'hands', tone: 'busy' },
  FIRING_STATE_FIRED: { word: 'Fired', icon: 'check', tone: 'good' },
  FIRING_STATE_SKIPPED: { word: 'Skipped', icon: 'skip', tone: 'mute' },
  FIRING_STATE_FAILED: { word: 'Failed', icon: 'cross', tone: 'bad' },
}

export function lookOfFiring(state: FiringState | undefined): Marked {
  return (state && FIRINGS[state]) || NONE
}

/** Whether it acts, or takes messages, as a mark. */
export function lookOfRest(isResting: boolean, word: string): Marked {
  return isResting ? { word, icon: 'bars', tone: 'warn' } : { word: 'Active', icon: 'check', tone: 'good' }
}

export const KINDS = [
  ['WEBHOOK_KIND_GITHUB', 'GitHub, Gitea or Forgejo'],
  ['WEBHOOK_KIND_STANDARD', 'Standard Webhooks'],
  ['WEBHOOK_KIND_HMAC', 'HMAC'],
] as const

export function kindWord(kind: WebhookKind): string {
  return KINDS.find(([each]) => each === kind)?.[1] ?? '–'
}
