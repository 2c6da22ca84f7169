// What components do, in words.
import type { IconName } from '@/ui/Icon'

const TYPES: Record<string, { word: string; icon: IconName; meaning: string }> = {
  orchestrator: { word: 'Orchestrator', icon: 'runs', meaning: 'Starts the workloads of runs' },
  artifact_store: { word: 'Artifact store', icon: 'box', meaning: 'Keeps what steps return' },
  container_registry: { word: 'Container registry', icon: 'layers', meaning: 'Keeps images' },
  image_builder: { word: 'Image builder', icon: 'shapes', meaning: 'Builds images' },
  step_operator: { word: 'Step operator', icon: 'right', meaning: 'Runs single steps elsewhere' },
  log_store: { word: 'Log store', icon: 'list', meaning: 'Keeps logs' },
  experiment_tracker: { word: 'Experiment tracker', icon: 'search', meaning: 'Takes metrics of steps' },
  alerter: { word: 'Alerter', icon: 'mail', meaning: 'Tells people' },
  model_registry: { word: 'Model registry', icon: 'bars', meaning: 'Keeps models' },
  model_deployer: { word: 'Model deployer', icon: 'download', meaning: 'Serves models' },
  feature_store: { word: 'Feature store', icon: 'columns', meaning: 'Serves features' },
  data_validator: { word: 'Data validator', icon: 'check', meaning: 'Judges data' },
  annotator: { word: 'Annotator', icon: 'people', meaning: 'Labels data' },
}

/** Of which a stack may have several: one that serves by default, and further ones. */
const SEVERAL = new Set(['step_operator', 'experiment_tracker', 'alerter', 'data_validator', 'annotator'])

export const ALL_TYPES = Object.keys(TYPES)

export function typeOf(type: string): { word: string; icon: IconName; meaning: string } {
  return TYPES[type] ?? { word: type, icon: 'box', meaning: '' }
}

export function mayBeSeveral(type: string): boolean {
  return SEVERAL.has(type)
}

/** What the workspace itself does where a stack names nothing. */
export const SERVED = ['orchestrator', 'artifact_store', 'log_store']
