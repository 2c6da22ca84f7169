// What the pages of one's own account have in common.
import { useMutation, useQueryClient } from '@tanstack/react-query'
import { Client } from '@/api/client'
import { useSession } from '@/app/SessionGate'

export const client = new Client()
/** The caller, whoever that is. */
export const ME = 'users/me'

/** The first part of the key of every query of this account. */
export function useAccountKey(): readonly ['account', string] {
  return ['account', useSession().user.name]
}

/** A change of one's own account, after which everything shown of it is read anew. */
export function useAccountChange<V, A>(change: (wish: V) => Promise<A>) {
  const queries = useQueryClient()
  const key = useAccountKey()
  return useMutation({
    mutationFn: change,
    onSuccess: () => void queries.invalidateQueries({ queryKey: key }),
  })
}
