import type { Workspace } from '@contract/controlplane'
import type { ListPoolsResponse, ServerInfo, Usage } from '@contract/workspace'
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
  expect(words).toHaveLength(4)
  expect(words[1]).toContain('manager v does not answer')
  expect(words[2]).toContain('gpu of u takes no new runs: new disks')
  expect(words[3]).toBe('runs: 9 of 10 are used.')
})
