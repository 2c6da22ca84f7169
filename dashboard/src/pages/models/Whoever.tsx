import { idOf } from '@/api/session'
import { useSession } from '@/app/SessionGate'

// Of a user's id, which is a UUID whose beginning is the time when they came.
const ENOUGH = 12

/** Who did something: you, a service account by its id, or a user. */
export function Whoever({ subject }: { subject: string }) {
  const { user } = useSession()
  if (!subject) return null
  if (subject === user.name) return <span>You</span>
  const id = idOf(subject)
  const words = subject.startsWith('users/') ? id.slice(-ENOUGH) : `sa:${id}`
  return (
    <span className="mono" title={subject}>
      {words}
    </span>
  )
}
