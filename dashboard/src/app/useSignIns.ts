import { useEffect, useState } from 'react'

/** How often somebody signed in again over this page: what a session's end broke off begins anew with it. */
export function useSignIns(): number {
  const [count, setCount] = useState(0)
  useEffect(() => {
    const signedIn = () => setCount((before) => before + 1)
    window.addEventListener('weft:signed-in', signedIn)
    return () => window.removeEventListener('weft:signed-in', signedIn)
  }, [])
  return count
}
