// What is not as it should be in a workspace, and what to do about it.
import type { Workspace } from '@contract/controlplane'
import type { ListPoolsResponse, Pool, ServerHealth, ServerInfo, Usage } from '@contract/workspace'
import { idOf } from '@/api/session'
import { workspaceWord } from '@/app/WorkspaceMark'
import { ago } from '@/ui/times'

export type Warning = { what: string; fix: string }
export type Known = {
  workspace?: Workspace | undefined
  info?: ServerInfo | undefined
  health?: ServerHealth | undefined
  pools?: ListPoolsResponse | undefined
  usage?: Usage | undefined
}

const WELL = new Set(['WORKSPACE_STATE_ACTIVE', 'WORKSPACE_STATE_SUSPENDED'])

/** Everything that is wrong, as far as it is known by now. */
export function warningsOf({ workspace, info, health, pools, usage }: Known, now = Date.now()): Warning[] {
  return [
    ...(workspace ? ofWorkspace(workspace) : []),
    ...(info && !info.canRunSnapshots ? [NO_MANAGER] : []),
    ...(health ? ofHealth(health, now) : []),
    ...(pools ? ofPools(pools) : []),
    ...(usage ? ofUsage(usage) : []),
  ]
}

const NO_MANAGER: Warning = {
  what: 'No workload manager serves this workspace: snapshots cannot be run.',
  fix: 'Join one: `weft workspaces enroll --as workload-manager` makes the token that it joins with.',
}

function ofWorkspace({ state, stateReason, healthChecks, drift }: Workspace): Warning[] {
  const found: Warning[] = []
  if (!WELL.has(state))
    found.push({
      what: stateReason || `The workspace is ${workspaceWord(state)}.`,
      fix: 'See the log of its server.',
    })
  for (const { name, healthy, message } of healthChecks)
    if (!healthy) found.push({ what: `${name}: ${message}`, fix: 'See the log of its server.' })
  if (drift) found.push({ what: drift, fix: '`weft workspaces show` says which version it should run.' })
  return found
}

const MINUTE_MS = 60_000
const LONG_WAIT_MS = 10 * MINUTE_MS
const OLD_BACKUP_MS = 7 * 24 * 60 * MINUTE_MS
// Of ten parts of the disk one is left.
const SCARCE = 10

function ofHealth(health: ServerHealth, now: number): Warning[] {
  const found: Warning[] = []
  const waiting = health.waitingRuns?.oldestTime
  if (waiting && now - Date.parse(waiting) > LONG_WAIT_MS)
    found.push({
      what: `The first run that waits came ${ago(waiting, now)}.`,
      fix: '`weft runs diagnose` says for what.',
    })
  if (Number(health.unresponsiveRunCount) > 0)
    found.push({
      what: `The runners of ${health.unresponsiveRunCount} runs are silent.`,
      fix: '`weft runs diagnose` says since when, and where they were.',
    })
  if (new Set(health.replicas.map(({ version }) => version)).size > 1)
    found.push({ what: 'Servers of several versions are alive.', fix: 'Finish the upgrade.' })
  const backup = health.lastBackup?.time
  if (backup && now - Date.parse(backup) > OLD_BACKUP_MS)
    found.push({
      what: `The last backup was made ${ago(backup, now)}.`,
      fix: '`weft admin backup DIRECTORY` makes one.',
    })
  if (Number(health.freeDiskBytes) * SCARCE < Number(health.totalDiskBytes))
    found.push({
      what: "The disk of the server's data is nearly full.",
      fix: 'Make room, or keep fewer logs.',
    })
  return found
}

/** "gpu of the cluster", by the name of its manager or its id: two managers may have pools of one name. */
export function poolWords({ name, workloadManagerDisplayName }: Named): string {
  const [, manager = '', , pool = ''] = name.split('/')
  return `${pool} of ${workloadManagerDisplayName || manager}`
}
type Named = Pick<Pool, 'name' | 'workloadManagerDisplayName'>

function ofPools({ pools, unreachable }: ListPoolsResponse): Warning[] {
  const found = unreachable.map((manager) => ({
    what: `The workload manager ${idOf(manager)} does not answer; its pools are missing here.`,
    fix: 'Runs that execute go on. Start it again, or see its log.',
  }))
  for (const pool of pools) {
    const { cordon } = pool
    if (cordon)
      found.push({
        what: `${poolWords(pool)} takes no new runs: ${cordon.reason}`,
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
