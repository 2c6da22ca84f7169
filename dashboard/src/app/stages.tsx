// Stages and requests for them, as people say them.
import type { Model, ModelStage, ModelVersion, StageRequestState } from '@contract/workspace'
import { Mark } from '@/ui/Mark'
import type { Look } from '@/ui/states'

export const STAGES = [
  ['MODEL_STAGE_STAGING', 'Staging'],
  ['MODEL_STAGE_PRODUCTION', 'Production'],
  ['MODEL_STAGE_ARCHIVED', 'Archived'],
  ['MODEL_STAGE_NONE', 'No stage'],
] as const satisfies readonly (readonly [ModelStage, string])[]

type Shown = Omit<Look, 'isOver'>
const LOOKS: Record<string, Shown> = {
  MODEL_STAGE_STAGING: { word: 'Staging', icon: 'right', tone: 'busy' },
  MODEL_STAGE_PRODUCTION: { word: 'Production', icon: 'check', tone: 'good' },
  MODEL_STAGE_ARCHIVED: { word: 'Archived', icon: 'box', tone: 'mute' },
}
const REQUESTS: Record<string, Shown> = {
  STAGE_REQUEST_STATE_PENDING: { word: 'Waiting', icon: 'hands', tone: 'warn' },
  STAGE_REQUEST_STATE_APPROVED: { word: 'Approved', icon: 'check', tone: 'good' },
  STAGE_REQUEST_STATE_DENIED: { word: 'Denied', icon: 'cross', tone: 'bad' },
  STAGE_REQUEST_STATE_WITHDRAWN: { word: 'Withdrawn', icon: 'skip', tone: 'mute' },
}
const UNKNOWN: Shown = { word: 'Unknown', icon: 'hands', tone: 'mute' }

export function StageMark({ stage }: { stage: ModelStage }) {
  const look = LOOKS[stage]
  return look ? <Mark {...look} /> : <span className="quiet">No stage</span>
}

export function RequestMark({ state }: { state: StageRequestState }) {
  return <Mark {...(REQUESTS[state] ?? UNKNOWN)} />
}

/** "Production" of "MODEL_STAGE_PRODUCTION". */
export function stageInWords(stage: ModelStage): string {
  return STAGES.find(([each]) => each === stage)?.[1] ?? 'Unknown'
}

/** "fraud@3" of "projects/p/models/fraud/versions/3". */
export function versionInWords(name: string): string {
  const [, , , model = '', , version = ''] = name.split('/')
  return `${model}@${version}`
}

/** Which other version would have to give way to one that enters a stage; empty where none would. */
export function holderOf(stage: ModelStage, model: Model, version: ModelVersion): string {
  const holder = {
    MODEL_STAGE_STAGING: model.stagingVersion,
    MODEL_STAGE_PRODUCTION: model.productionVersion,
  }[stage as string]
  return holder && holder !== version.name ? holder : ''
}
