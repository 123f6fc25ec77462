/** The CLI whose flags and formats are followed here. */
export const formatsOf = '2.1.329';
