/** The version of the CLI whose flags and formats are implemented. */
export const formatsOf = '2.1.329';
