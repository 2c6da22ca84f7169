import type { Workspace } from '@contract/controlplane'
import type { ListPoolsResponse, ServerHealth, ServerInfo, Usage } from '@contract/workspace'
import { expect, test } from 'vitest'
import { warningsOf } from './warnings'

test('nothing is wrong where nothing is known', () => {
  expect(warningsOf({})).toEqual([])
})

test.each([
  ['WORKSPACE_STATE_UNREACHABLE', '', 'The workspace is unreachable.'],
  ['WORKSPACE_STATE_DEGRADED', '', 'The workspace is degraded.'],
  ['WORKSPACE_STATE_DEGRADED', 'its disk is full', 'its disk is full'],
] as const)('%s is told, with its reason where there is one', (state, stateReason, what) => {
  const workspace = { state, stateReason, healthChecks: [], drift: '' } as unknown as Workspace
  expect(warningsOf({ workspace }).map((warning) => warning.what)).toEqual([what])
})

test('managers that do not answer, cordons, quotas and a workspace without a manager are told', () => {
  const info = { canRunSnapshots: false } as ServerInfo
  const pools = {
    pools: [
      { name: 'workloadManagers/u/pools/gpu', cordon: { reason: 'new disks' } },
      {
        name: 'workloadManagers/w/pools/gpu',
        workloadManagerDisplayName: 'Berlin',
        cordon: { reason: 'new GPUs' },
      },
      { name: 'workloadManagers/u/pools/cpu' },
    ],
    unreachable: ['workloadManagers/v'],
  } as unknown as ListPoolsResponse
  const usage = {
    quotas: [
      { quota: 'runs', use: '9', limit: '10', state: 'QUOTA_STATE_NEAR' },
      { quota: 'secrets', use: '1', limit: '10', state: 'QUOTA_STATE_FREE' },
    ],
  } as Usage
  const words = warningsOf({ info, pools, usage }).map(({ what }) => what)
  expect(words).toHaveLength(5)
  expect(words[1]).toContain('manager v does not answer')
  expect(words[2]).toContain('gpu of u takes no new runs: new disks')
  expect(words[3]).toContain('gpu of Berlin takes no new runs: new GPUs')
  expect(words[4]).toBe('runs: 9 of 10 are used.')
})

const NOW = Date.parse('2026-11-20T08:00:00Z')
const before = (minutes: number) => new Date(NOW - minutes * 60_000).toISOString()
const WELL = {
  replicas: [{ version: '1' }],
  unresponsiveRunCount: '0',
  freeDiskBytes: '50',
  totalDiskBytes: '100',
}

test.each([
  [{}, []],
  [{ waitingRuns: { count: '1', oldestTime: before(9) } }, []],
  [{ waitingRuns: { count: '1', oldestTime: before(12) } }, ['The first run that waits came 12 m ago.']],
  [{ unresponsiveRunCount: '2' }, ['The runners of 2 runs are silent.']],
  [{ replicas: [{ version: '1' }, { version: '2' }] }, ['Servers of several versions are alive.']],
  [{ lastBackup: { time: before(9 * 24 * 60) } }, ['The last backup was made 9 d ago.']],
  [{ freeDiskBytes: '9' }, ["The disk of the server's data is nearly full."]],
])('a server that says %o', (said, what) => {
  const health = { ...WELL, ...said } as unknown as ServerHealth
  expect(warningsOf({ health }, NOW).map((warning) => warning.what)).toEqual(what)
})
