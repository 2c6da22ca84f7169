// What a trigger waits for, out of a form and into it.
import type { ModelStage, Occurrence, RunState } from '@contract/workspace'
import { idOf } from '@/api/session'

export const OCCURRENCES = [
  ['run', 'A run enters a state'],
  ['model', 'A model gets a version, or one moves to a stage'],
  ['artifact', 'An artifact gets a version'],
  ['webhook', 'A webhook is told something'],
] as const
export type OccurrenceKind = (typeof OCCURRENCES)[number][0]

export const STATES = [
  ['RUN_STATE_RUNNING', 'Running'],
  ['RUN_STATE_PAUSED', 'Paused'],
  ['RUN_STATE_SUCCEEDED', 'Succeeded'],
  ['RUN_STATE_FAILED', 'Failed'],
  ['RUN_STATE_STOPPED', 'Stopped'],
] as const

export const STAGES = [
  ['MODEL_STAGE_NONE', 'None'],
  ['MODEL_STAGE_STAGING', 'Staging'],
  ['MODEL_STAGE_PRODUCTION', 'Production'],
  ['MODEL_STAGE_ARCHIVED', 'Archived'],
] as const

export function kindIn({ model, artifact, webhook }: Occurrence = {}): OccurrenceKind {
  if (model) return 'model'
  if (artifact) return 'artifact'
  return webhook ? 'webhook' : 'run'
}

/** What it happens to: an id; none where it is any pipeline. */
export function subjectIn({ run, model, artifact, webhook }: Occurrence = {}): string {
  return idOf(run?.pipeline ?? model?.model ?? artifact?.artifact ?? webhook?.webhook ?? '')
}

/** What the fields of OccurrenceFields say, about things of a project. */
export function occurrenceOf(form: FormData, project: string): Occurrence {
  const text = (field: string) => String(form.get(field) ?? '').trim()
  const subject = text('subject')
  const named = (collection: string) => subject && `${project}/${collection}/${subject}`
  switch (text('after')) {
    case 'model':
      return { model: { model: named('models'), stages: form.getAll('stages') as ModelStage[] } }
    case 'artifact':
      return { artifact: { artifact: named('artifacts') } }
    case 'webhook': {
      const eventTypes = text('eventTypes')
        .split(/[\s,]+/)
        .filter(Boolean)
      return { webhook: { webhook: named('webhooks'), eventTypes, filter: text('filter') } }
    }
    default:
      return { run: { pipeline: named('pipelines'), states: form.getAll('states') as RunState[] } }
  }
}
