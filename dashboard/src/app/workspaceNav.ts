import type { IconName } from '@/ui/Icon'
import type { WorkspaceVerb } from './workspace'

/**
 * What stands in the side bar of a workspace: for who holds the verb, or for everybody, as all projects share it.
 * `key` after `g` goes there.
 */
export const WORKSPACE_NAV = [
  { to: '/w/$workspace/stacks', label: 'Stacks', icon: 'stack', key: 's', verb: undefined },
  { to: '/w/$workspace/components', label: 'Components', icon: 'box', key: 'c', verb: undefined },
  { to: '/w/$workspace/flavors', label: 'Flavors', icon: 'shapes', key: 'f', verb: undefined },
  {
    to: '/w/$workspace/connectors',
    label: 'Connectors',
    icon: 'plug',
    key: 'n',
    verb: 'connectors.list',
  },
  { to: '/w/$workspace/secrets', label: 'Secrets', icon: 'lock', key: 'e', verb: 'secrets.list' },
  { to: '/w/$workspace/health', label: 'Health', icon: 'pulse', key: 'h', verb: 'usage.get' },
] as const satisfies {
  to: string
  label: string
  icon: IconName
  key: string
  verb: WorkspaceVerb | undefined
}[]
