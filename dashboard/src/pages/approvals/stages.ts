import type { ModelStage } from '@contract/workspace'

/** "production" of "MODEL_STAGE_PRODUCTION". */
export function stageWord(stage: ModelStage): string {
  return stage.replace('MODEL_STAGE_', '').toLowerCase()
}
