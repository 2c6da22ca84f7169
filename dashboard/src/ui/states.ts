// What states of runs and steps look like: never by colour alone, but by word and shape too.
import type { RunState, StepState } from '@contract/workspace'
import type { IconName } from './Icon'

export type Tone = 'good' | 'bad' | 'busy' | 'warn' | 'kept' | 'mute'
export type Look = { word: string; icon: IconName; tone: Tone; isOver: boolean }

const LOOKS: Record<string, Look> = {
  PENDING: { word: 'Pending', icon: 'hands', tone: 'mute', isOver: false },
  PROVISIONING: { word: 'Starting', icon: 'hands', tone: 'busy', isOver: false },
  RUNNING: { word: 'Running', icon: 'right', tone: 'busy', isOver: false },
  PAUSED: { word: 'Paused', icon: 'bars', tone: 'warn', isOver: false },
  RETRYING: { word: 'Retrying', icon: 'again', tone: 'warn', isOver: false },
  STOPPING: { word: 'Stopping', icon: 'square', tone: 'warn', isOver: false },
  SUCCEEDED: { word: 'Succeeded', icon: 'check', tone: 'good', isOver: true },
  CACHED: { word: 'Cached', icon: 'equals', tone: 'kept', isOver: true },
  SKIPPED: { word: 'Skipped', icon: 'skip', tone: 'mute', isOver: true },
  FAILED: { word: 'Failed', icon: 'cross', tone: 'bad', isOver: true },
  STOPPED: { word: 'Stopped', icon: 'square', tone: 'mute', isOver: true },
}
const UNKNOWN: Look = { word: 'Unknown', icon: 'hands', tone: 'mute', isOver: false }

/** "RUNNING" of "RUN_STATE_RUNNING" or "STEP_STATE_RUNNING". */
export function shortState(state: string): string {
  return state.replace(/^(RUN|STEP)_STATE_/, '')
}

export function lookOf(state: RunState | StepState | string): Look {
  return LOOKS[shortState(state)] ?? UNKNOWN
}
