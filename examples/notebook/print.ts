/** Where a program prints, a line at a time: Python's `print`. */
export type Print = (line: unknown) => void;
