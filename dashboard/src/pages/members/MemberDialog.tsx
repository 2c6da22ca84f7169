import type { Member } from '@contract/controlplane'
import { useState } from 'react'
import { useChange, useOrganization } from '@/app/organization'
import { ConfirmDialog } from '@/ui/ConfirmDialog'
import { CopyCommand } from '@/ui/CopyCommand'
import { ShownOnce } from '@/ui/ShownOnce'
import { Typed } from '@/ui/Typed'
import { type MemberAction, nameOf } from './memberActions'

export type MemberWish = { action: MemberAction; member: Member }

/** Asks before something is done with a member; shows what must be handed over afterwards. */
export function MemberDialog({ wish, onClose }: { wish: MemberWish | undefined; onClose: () => void }) {
  const { client } = useOrganization()
  const [handed, setHanded] = useState({ token: '', email: '' })
  const change = useChange(async ({ action, member }: MemberWish) => {
    setHanded({ token: await action.act(client, member), email: member.email })
  })

  function close() {
    change.reset()
    onClose()
  }
  return (
    <>
      <ConfirmDialog
        isOpen={!!wish}
        onClose={close}
        title={wish ? `${wish.action.label}: ${nameOf(wish.member)}?` : ''}
        verb={wish?.action.label ?? ''}
        isDangerous={wish?.action.isDangerous}
        onConfirm={() => wish && change.mutate(wish, { onSuccess: close })}
        isBusy={change.isPending}
        error={change.error}
      >
        <p className="quiet">{wish?.action.words}</p>
        {wish?.action.verb === 'members.erase' && (
          <Typed label="To go on, type the address" what={wish.member.email || nameOf(wish.member)} />
        )}
      </ConfirmDialog>
      <ShownOnce
        secret={handed.token}
        title="Hand this token over"
        onClose={() => setHanded({ token: '', email: '' })}
      >
        <p className="quiet">With it they choose a new password, within a day:</p>
        <CopyCommand command={`weft members choose-password ${handed.email} --token -`} />
      </ShownOnce>
    </>
  )
}
