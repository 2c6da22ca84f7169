// What is not as it should be in a workspace, and what to do about it.
import type { Workspace, WorkspaceState } from '@contract/controlplane'
import type { ListPoolsResponse, ServerInfo, Usage } from '@contract/workspace'
import { idOf } from '@/api/session'

export type Warning = { what: string; fix: string }
export type Known = {
  workspace?: Workspace | undefined
  info?: ServerInfo | undefined
  pools?: ListPoolsResponse | undefined
  usage?: Usage | undefined
}

const WELL = new Set(['WORKSPACE_STATE_ACTIVE', 'WORKSPACE_STATE_SUSPENDED'])

/** Everything that is wrong, as far as it is known by now. */
export function warningsOf({ workspace, info, pools, usage }: Known): Warning[] {
  return [
    ...(workspace ? ofWorkspace(workspace) : []),
    ...(info && !info.canRunSnapshots ? [NO_MANAGER] : []),
    ...(pools ? ofPools(pools) : []),
    ...(usage ? ofUsage(usage) : []),
  ]
}

const NO_MANAGER: Warning = {
  what: 'No workload manager serves this workspace: snapshots cannot be run.',
  fix: 'Join one: `weft enrollments create` makes the token that it joins with.',
}

function ofWorkspace({ state, stateReason, healthChecks, drift }: Workspace): Warning[] {
  const found: Warning[] = []
  if (!WELL.has(state))
    found.push({
      what: stateReason || `The workspace is ${stateWord(state)}.`,
      fix: 'See the log of its server.',
    })
  for (const { name, healthy, message } of healthChecks)
    if (!healthy) found.push({ what: `${name}: ${message}`, fix: 'See the log of its server.' })
  if (drift) found.push({ what: drift, fix: '`weft workspaces show` says which version it should run.' })
  return found
}

/** "gpu of u" of "workloadManagers/u/pools/gpu": two managers may have pools of one name. */
export function poolWords(name: string): string {
  const [, manager = '', , pool = ''] = name.split('/')
  return `${pool} of ${manager}`
}

/** "unreachable" of WORKSPACE_STATE_UNREACHABLE. */
export function stateWord(state: WorkspaceState): string {
  return state.replace('WORKSPACE_STATE_', '').toLowerCase()
}

function ofPools({ pools, unreachable }: ListPoolsResponse): Warning[] {
  const found = unreachable.map((manager) => ({
    what: `The workload manager ${idOf(manager)} does not answer; its pools are missing here.`,
    fix: 'Runs that execute go on. Start it again, or see its log.',
  }))
  for (const { name, cordon } of pools) {
    if (cordon)
      found.push({
        what: `${poolWords(name)} takes no new runs: ${cordon.reason}`,
        fix: 'Uncordon it when that is over: what is queued goes on by itself.',
      })
  }
  return found
}

function ofUsage({ quotas }: Usage): Warning[] {
  return quotas
    .filter(({ state }) => state === 'QUOTA_STATE_NEAR' || state === 'QUOTA_STATE_REACHED')
    .map(({ quota, use, limit, state }) => ({
      what: `${quota}: ${use} of ${limit} are used${state === 'QUOTA_STATE_REACHED' ? '; more are refused' : ''}.`,
      fix: "Delete what nobody needs, or raise the limit in the server's settings.",
    }))
}
