import { useCallback, useEffect, useRef } from 'react'

const PAUSE_MS = 1000

/** Calls within a second, however often it is asked to; once more where it is asked during a call. */
export function useSoon(call: () => Promise<unknown>): () => void {
  const latest = useRef(call)
  latest.current = call
  const timer = useRef<ReturnType<typeof setTimeout>>(undefined)
  const state = useRef({ isUnderWay: false, isAskedAgain: false })
  useEffect(() => () => clearTimeout(timer.current), [])
  return useCallback(function ask() {
    if (state.current.isUnderWay) state.current.isAskedAgain = true
    else {
      timer.current ??= setTimeout(() => {
        timer.current = undefined
        state.current = { isUnderWay: true, isAskedAgain: false }
        const over = () => {
          const { isAskedAgain } = state.current
          state.current = { isUnderWay: false, isAskedAgain: false }
          if (isAskedAgain) ask()
        }
        latest.current().then(over, over)
      }, PAUSE_MS)
    }
  }, [])
}
