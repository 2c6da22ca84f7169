// Icons of 16 pixels, drawn with lines. They never stand alone: a word is beside them, or a label.
const PATHS = {
  runs: 'M4 3.5v9l8-4.5z',
  close: 'M4 4l8 8M12 4l-8 8',
  copy: 'M6 6h7v7H6zM10 6V3H3v7h3',
  check: 'M3 8.5l3.2 3.2L13 5',
  cross: 'M5 5l6 6M11 5l-6 6',
  up: 'M4 10l4-4 4 4',
  down: 'M4 6l4 4 4-4',
  right: 'M6 4l4 4-4 4',
  left: 'M10 4L6 8l4 4',
  search: 'M7 12A5 5 0 107 2a5 5 0 000 10zM10.8 10.8L14 14',
  columns: 'M2.5 3h11v10h-11zM6.2 3v10M9.8 3v10',
  bars: 'M6 4.5v7M10 4.5v7',
  square: 'M5.2 5.2h5.6v5.6H5.2z',
  again: 'M13 8a5 5 0 11-1.6-3.6M13 2.5v3h-3',
  equals: 'M4.5 6h7M4.5 10h7',
  skip: 'M4 5l3.5 3L4 11M8.5 5L12 8l-3.5 3',
  hands: 'M8 4.5V8l2.2 1.5',
  clock: 'M8 14A6 6 0 108 2a6 6 0 000 12zM8 4.8V8l2.2 1.5',
  menu: 'M2.5 4.5h11M2.5 8h11M2.5 11.5h11',
  user: 'M8 8a2.6 2.6 0 100-5.2A2.6 2.6 0 008 8zM3 13.5c.6-2.4 2.6-3.5 5-3.5s4.400 1.100 5 3.500',
  download: 'M8 2.500v7.500M4.800 7.200L8 10.400l3.200-3.200M3 13.500h10',
  link: 'M6.500 9.500l3-3M7 4.700l1.300-1.300a2.700 2.700 0 013.900 3.800L10.900 8.600M9 11.300l-1.300 1.300a2.700 2.700 0 01-3.900-3.800L5.100 7.400',
  people:
    'M6 7.600a2.200 2.200 0 100-4.400 2.200 2.200 0 000 4.400zM1.800 13c.5-2.200 2.200-3.200 4.200-3.200s3.700 1 4.200 3.200M10.600 7.500a2 2 0 10-.6-3.900M12 10.100c1.200.4 2 1.400 2.300 2.900',
  shield: 'M8 2l5 1.800v4c0 3-2.100 5.200-5 6.200-2.900-1-5-3.200-5-6.200v-4z',
  key: 'M5.500 10.500a2.700 2.700 0 100-.010M7.500 8.600L13 3M11 5l1.700 1.700',
  question:
    'M8 14A6 6 0 108 2a6 6 0 000 12zM6.300 6.300a1.700 1.700 0 113 1.200c-.6.6-1.300.8-1.300 1.700M8 11.300h.01',
  mail: 'M2.500 4h11v8.500h-11zM2.800 4.400L8 8.600l5.200-4.200',
  list: 'M5.5 4h8M5.5 8h8M5.5 12h8M2.500 4h.01M2.500 8h.01M2.500 12h.01',
  screen: 'M2.500 3.500h11v7.500h-11zM6 13.500h4M8 11v2.500',
  robot: 'M3.500 6h9v7h-9zM8 6V3.500M6 9h.01M10 9h.01M6.500 11.200h3',
  door: 'M4 13.500v-11h8v11M2.500 13.500h11M9.800 8h.01',
  globe:
    'M8 14A6 6 0 108 2a6 6 0 000 12zM2 8h12M8 2c3.600 3.600 3.600 8.400 0 12M8 2c-3.600 3.600-3.600 8.400 0 12',
  sliders:
    'M2.500 5h5M11 5h2.500M2.500 11h2.500M8.500 11h5M9.200 5a1.700 1.700 0 100-.01M6.700 11a1.700 1.700 0 100-.01',
  more: 'M3.500 8h.01M8 8h.01M12.500 8h.01',
  plus: 'M8 3.500v9M3.500 8h9',
  box: 'M8 2l5.500 3v6L8 14l-5.500-3V5zM2.500 5L8 8l5.500-3M8 8v6',
  layers:
    'M8 2.500L14 5.500L8 8.500L2 5.500zM2.500 8.500L8 11.200l5.500-2.700M2.500 11.200L8 13.900l5.500-2.700',
  stack: 'M3 2.500h10v2.800H3zM3 6.600h10v2.800H3zM3 10.700h10v2.800H3z',
  plug: 'M6 2.500v3M10 2.500v3M4 5.500h8v2a4 4 0 01-8 0zM8 11.500v2.500',
  lock: 'M3.500 7.500h9v6h-9zM5.500 7.500v-2a2.500 2.500 0 015 0v2',
  pulse: 'M1.500 8.500h3l2-5 3 9 2-4h3',
  shapes:
    'M2.500 2.500h5v5h-5zM11.500 13.500a2.500 2.500 0 100-5 2.500 2.500 0 000 5zM2.500 13.500l2.500-4.500 2.500 4.500zM9.500 2.500h4v4h-4z',
  model: 'M8 9.500a3.500 3.500 0 100-7 3.500 3.500 0 000 7zM5.800 8.800L5 13.500l3-1.700 3 1.700-.8-4.700',
  flow: 'M2.500 2.500h4v4h-4zM9.500 9.500h4v4h-4zM4.500 6.500v5h5',
  warn: 'M8 2.500L14 13H2zM8 6.500v3M8 11.400h.01',
} as const

export type IconName = keyof typeof PATHS

export function Icon({ name, size = 16 }: { name: IconName; size?: number }) {
  return (
    <svg
      width={size}
      height={size}
      viewBox="0 0 16 16"
      fill="none"
      stroke="currentColor"
      strokeWidth="1.5"
      strokeLinecap="round"
      strokeLinejoin="round"
      aria-hidden="true"
      focusable="false"
    >
      <path d={PATHS[name]} />
    </svg>
  )
}
