import { Icon } from './Icon'
import css from './state.module.css'
import { lookOf } from './states'

/** A state as a word in its colour, with its shape before it. */
export function StateMark({ state, isLarge = false }: { state: string; isLarge?: boolean }) {
  const { word, icon, tone } = lookOf(state)
  return (
    <span className={`${css.mark} ${css[tone]} ${isLarge ? css.large : ''}`}>
      <span className={css.shape}>
        <Icon name={icon} size={isLarge ? 14 : 12} />
      </span>
      {word}
    </span>
  )
}

/** The shape alone, where the word stands beside it or is read out. */
export function StateShape({ state }: { state: string }) {
  const { word, icon, tone } = lookOf(state)
  return (
    <span className={`${css.shape} ${css[tone]}`} role="img" aria-label={word} title={word}>
      <Icon name={icon} size={12} />
    </span>
  )
}
