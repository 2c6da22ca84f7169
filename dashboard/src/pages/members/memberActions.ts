// What administrators can do with somebody's membership and account.

import {
  CreateRecoveryToken,
  DeactivateMember,
  EraseMember,
  type Member,
  ReactivateMember,
  RemoveMember,
  RevokeAllSessions,
} from '@contract/controlplane'
import type { Client } from '@/api/client'
import { idOf } from '@/api/session'
import type { OrganizationVerb } from '@/app/organization'

export type MemberAction = {
  verb: OrganizationVerb
  label: string
  isFor: (member: Member) => boolean
  isDangerous: boolean
  /** What comes of it, in a sentence or two. */
  words: string
  /** Does it; answers what must be handed over, where there is anything. */
  act: (client: Client, member: Member) => Promise<string>
}

const isActive = (member: Member) => member.state === 'MEMBER_STATE_ACTIVE'
const nothing = () => ''

export const MEMBER_ACTIONS: MemberAction[] = [
  {
    verb: 'members.recover',
    label: 'Let choose a new password',
    isFor: isActive,
    isDangerous: false,
    words: 'Makes a token that works once, for a day. Whoever has it takes the account over.',
    act: async (client, { name }) => (await client.call(CreateRecoveryToken, { name })).passwordToken,
  },
  {
    // Whoever may shut an account may end its sessions.
    verb: 'members.deactivate',
    label: 'Sign out everywhere',
    isFor: isActive,
    isDangerous: true,
    words: 'Every session of theirs ends at once, in workspaces within five seconds. Access tokens live on.',
    act: (client, { user }) => client.call(RevokeAllSessions, { parent: user }).then(nothing),
  },
  {
    verb: 'members.deactivate',
    label: 'Deactivate',
    isFor: isActive,
    isDangerous: true,
    words: 'Their sessions and tokens end at once. Their roles stay for when the account is opened again.',
    act: (client, { name }) => client.call(DeactivateMember, { name }).then(nothing),
  },
  {
    verb: 'members.reactivate',
    label: 'Reactivate',
    isFor: (member) => !isActive(member),
    isDangerous: false,
    words: 'Opens the account again, with the roles that it had. They sign in anew.',
    act: (client, { name }) => client.call(ReactivateMember, { name }).then(nothing),
  },
  {
    verb: 'members.remove',
    label: 'Remove from the organization',
    isFor: () => true,
    isDangerous: true,
    words: 'They lose everything that was granted to them here, at once. The account stays.',
    act: (client, { name }) => client.call(RemoveMember, { name }).then(nothing),
  },
  {
    verb: 'members.erase',
    label: 'Erase for good',
    isFor: () => true,
    isDangerous: true,
    words:
      'Address, name, password, sessions, tokens and grants are gone everywhere. This cannot be undone. The audit log keeps what was done, under a number.',
    act: (client, { name }) => client.call(EraseMember, { name }).then(nothing),
  },
]

export function nameOf(member: Member): string {
  return member.displayName || member.email || idOf(member.name)
}
