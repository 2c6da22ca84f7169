import type { IconName } from '@/ui/Icon'

/** What stands in the side bar: a page of a project each. `key` after `g` goes there. */
export const NAV = [
  { to: '/w/$workspace/p/$project/runs', label: 'Runs', icon: 'runs', key: 'r' },
  { to: '/w/$workspace/p/$project/pipelines', label: 'Pipelines', icon: 'flow', key: 'i' },
  { to: '/w/$workspace/p/$project/artifacts', label: 'Artifacts', icon: 'box', key: 'a' },
  { to: '/w/$workspace/p/$project/models', label: 'Models', icon: 'model', key: 'm' },
  { to: '/w/$workspace/p/$project/snapshots', label: 'Snapshots', icon: 'layers', key: 's' },
  { to: '/w/$workspace/p/$project/schedules', label: 'Schedules', icon: 'clock', key: 'd' },
  { to: '/w/$workspace/p/$project/triggers', label: 'Triggers', icon: 'link', key: 't' },
  { to: '/w/$workspace/p/$project/approvals', label: 'Approvals', icon: 'check', key: 'p' },
] as const satisfies readonly { to: string; label: string; icon: IconName; key: string }[]
