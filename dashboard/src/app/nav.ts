import type { IconName } from '@/ui/Icon'

/** What stands in the side bar: a page of a project each. `key` after `g` goes there. */
export const NAV = [
  { to: '/w/$workspace/p/$project/runs', label: 'Runs', icon: 'runs', key: 'r' },
  { to: '/w/$workspace/p/$project/artifacts', label: 'Artifacts', icon: 'box', key: 'a' },
] as const satisfies readonly { to: string; label: string; icon: IconName; key: string }[]
