import type { Workspace, WorkspaceState } from '@contract/controlplane'
import { Mark } from '@/ui/Mark'
import type { Look } from '@/ui/states'

type Shape = Pick<Look, 'icon' | 'tone'>
const TROUBLE: Shape = { icon: 'warn', tone: 'warn' }
const SHAPES: { [word: string]: Shape } = {
  active: { icon: 'check', tone: 'good' },
  suspended: { icon: 'square', tone: 'mute' },
  enrolling: { icon: 'hands', tone: 'mute' },
  creating: { icon: 'hands', tone: 'busy' },
  upgrading: { icon: 'hands', tone: 'busy' },
  deleting: { icon: 'hands', tone: 'busy' },
  failed: { icon: 'cross', tone: 'bad' },
}

/** "unreachable" of WORKSPACE_STATE_UNREACHABLE. */
export function workspaceWord(state: WorkspaceState): string {
  return state.replace('WORKSPACE_STATE_', '').toLowerCase()
}

/** How a workspace is, in a word with its shape. */
export function WorkspaceMark({ workspace: { state } }: { workspace: Workspace }) {
  const word = workspaceWord(state)
  return <Mark word={word.charAt(0).toUpperCase() + word.slice(1)} {...(SHAPES[word] ?? TROUBLE)} />
}
