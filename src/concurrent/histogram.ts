export class Histogram {
  count = 0;
  record(_seconds: number): void {
    this.count += 1;
  }
}
