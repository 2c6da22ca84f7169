import { basePath } from '@/api/client'
import { CopyCommand } from '@/ui/CopyCommand'
import { ShownOnce } from '@/ui/ShownOnce'

/** The link of an invitation, which nobody mails. The token stands where browsers send it to no server. */
export function Handover({ token, onClose }: { token: string; onClose: () => void }) {
  const link = token && `${location.origin}${basePath()}/invitation#${token}`
  return (
    <ShownOnce secret={link} title="Hand this link over" onClose={onClose}>
      <p className="quiet">No mail is sent. In a terminal, this does the same:</p>
      <CopyCommand command={`weft invitations accept ${token}`} />
    </ShownOnce>
  )
}
