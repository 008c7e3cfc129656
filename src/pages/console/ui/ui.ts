/** What pages are made of. */
export { Button, Copy, Field, Secret, type FieldAttributes } from './controls'
export { Confirm, Dialog } from './dialog'
export { Empty, Failure, Loading, Page, Show, Tabs } from './page'
export { Rows, type Column } from './rows'
export { Num, Time } from './values'
