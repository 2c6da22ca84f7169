import { type Invitation, ResendInvitation, RevokeInvitation } from '@contract/controlplane'
import { useChange, useOrganization } from '@/app/organization'
import { ConfirmDialog } from '@/ui/ConfirmDialog'

export type InvitationWish = { act: 'resend' | 'revoke'; invitation: Invitation }

const WORDS = {
  resend: {
    title: 'Make a new link for',
    verb: 'Make a new link',
    words:
      'The last link is void; the new one works for seven days. From now on it is you who vouches for it.',
  },
  revoke: { title: 'Revoke the invitation of', verb: 'Revoke', words: 'Its link works no more.' },
}

type Props = { wish: InvitationWish | undefined; onClose: () => void; onToken: (token: string) => void }

export function InvitationDialog({ wish, onClose, onToken }: Props) {
  const { client } = useOrganization()
  const change = useChange(async ({ act, invitation: { name } }: InvitationWish) => {
    if (act === 'resend') onToken((await client.call(ResendInvitation, { name })).token)
    else await client.call(RevokeInvitation, { name })
  })
  const said = WORDS[wish?.act ?? 'revoke']

  function close() {
    change.reset()
    onClose()
  }
  return (
    <ConfirmDialog
      isOpen={!!wish}
      onClose={close}
      title={`${said.title} ${wish?.invitation.email}?`}
      verb={said.verb}
      isDangerous={wish?.act === 'revoke'}
      onConfirm={() => wish && change.mutate(wish, { onSuccess: close })}
      isBusy={change.isPending}
      error={change.error}
    >
      <p className="quiet">{said.words}</p>
    </ConfirmDialog>
  )
}
