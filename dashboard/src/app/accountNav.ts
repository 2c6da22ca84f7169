import type { IconName } from '@/ui/Icon'

/** What stands in the side bar of one's own account. `key` after `g` goes there. */
export const ACCOUNT_NAV = [
  { to: '/account/profile', label: 'Profile', icon: 'user', key: 'p' },
  { to: '/account/sessions', label: 'Sessions', icon: 'screen', key: 's' },
  { to: '/account/tokens', label: 'Access tokens', icon: 'key', key: 't' },
] as const satisfies readonly { to: string; label: string; icon: IconName; key: string }[]
