import { Icon } from './Icon'
import css from './state.module.css'
import type { Look } from './states'

/** A state of anything but runs and steps: a word in its colour, with its shape before it. */
export function Mark({ word, icon, tone }: Omit<Look, 'isOver'>) {
  return (
    <span className={`${css.mark} ${css[tone]}`}>
      <span className={css.shape}>
        <Icon name={icon} size={12} />
      </span>
      {word}
    </span>
  )
}
