import type { Invitation, InvitationState, InvitedRole } from '@contract/controlplane'
import { idOf } from '@/api/session'
import { useMayHere } from '@/app/organization'
import { placeInWords } from '@/app/subjects'
import { Mark } from '@/ui/Mark'
import { MenuItem } from '@/ui/Menu'
import { Named } from '@/ui/Named'
import { RowMenu } from '@/ui/RowMenu'
import type { Look } from '@/ui/states'
import { Ago } from '@/ui/Time'
import { exact } from '@/ui/times'
import type { Column } from '@/ui/VirtualTable'
import type { InvitationWish } from './InvitationDialog'

const LOOKS: Record<InvitationState, Omit<Look, 'isOver'>> = {
  INVITATION_STATE_UNSPECIFIED: { word: 'Unknown', icon: 'hands', tone: 'mute' },
  INVITATION_STATE_PENDING: { word: 'Open', icon: 'hands', tone: 'busy' },
  INVITATION_STATE_ACCEPTED: { word: 'Accepted', icon: 'check', tone: 'good' },
  INVITATION_STATE_DECLINED: { word: 'Declined', icon: 'cross', tone: 'bad' },
  INVITATION_STATE_REVOKED: { word: 'Revoked', icon: 'square', tone: 'mute' },
  INVITATION_STATE_EXPIRED: { word: 'Too old', icon: 'clock', tone: 'warn' },
}

type Wish = (wish: InvitationWish) => void

export function columnsOf(onWish: Wish): Column<Invitation>[] {
  return [
    {
      id: 'email',
      label: 'Address',
      width: 'minmax(200px, 1.4fr)',
      cell: ({ email }) => <Named>{email}</Named>,
    },
    { id: 'state', label: 'State', width: '120px', cell: ({ state }) => <Mark {...LOOKS[state]} /> },
    {
      id: 'promised',
      label: 'Waits for them',
      width: 'minmax(200px, 2fr)',
      cell: (invitation) => <Promised invitation={invitation} />,
    },
    { id: 'made', label: 'Invited', width: '104px', cell: ({ createTime }) => <Ago time={createTime} /> },
    {
      id: 'ends',
      label: 'Works until',
      width: '170px',
      cell: (invitation) => <Ends invitation={invitation} />,
    },
    {
      id: 'actions',
      label: 'Actions',
      width: '52px',
      cell: (invitation) => <Actions invitation={invitation} onWish={onWish} />,
    },
  ]
}

function Promised({ invitation }: { invitation: Invitation }) {
  const roles = invitation.roles.map(inWords)
  const teams = invitation.teams.map((team) => `team ${idOf(team)}`)
  const all = [...roles, ...teams].join(', ')
  if (!all) return <span className="quiet">Nothing yet</span>
  return <span title={all}>{all}</span>
}

/** "editor on workspace lab". */
function inWords({ role, resource }: InvitedRole): string {
  return `${idOf(role)} on ${placeInWords(resource)}`
}

function Ends({ invitation: { state, expireTime } }: { invitation: Invitation }) {
  if (state !== 'INVITATION_STATE_PENDING' || !expireTime) return <span className="quiet">–</span>
  return (
    <time dateTime={expireTime} title={exact(expireTime)}>
      {new Date(expireTime).toLocaleDateString(undefined, { dateStyle: 'medium' })}
    </time>
  )
}

function Actions({ invitation, onWish }: { invitation: Invitation; onWish: Wish }) {
  const may = useMayHere()
  const isOpen = invitation.state === 'INVITATION_STATE_PENDING'
  const isOld = invitation.state === 'INVITATION_STATE_EXPIRED'
  const canResend = may('invitations.resend') && (isOpen || isOld)
  const canRevoke = may('invitations.revoke') && (isOpen || isOld)
  if (!canResend && !canRevoke) return null
  return (
    <RowMenu label={`What to do with the invitation of ${invitation.email}`}>
      {canResend && (
        <MenuItem onSelect={() => onWish({ act: 'resend', invitation })}>Make a new link …</MenuItem>
      )}
      {canRevoke && <MenuItem onSelect={() => onWish({ act: 'revoke', invitation })}>Revoke …</MenuItem>}
    </RowMenu>
  )
}
