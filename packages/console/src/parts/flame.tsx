export function Flame() {
  return (
    <svg class="flame" viewBox="0 0 16 20" width="14" height="18" aria-hidden="true">
      <path d="M8 0c1 5 7 7.500 7 13a7 7 0 0 1-14 0c0-3 1.600-5 3.200-6.800.2 2 .9 3.200 2 3.800C5.600 6.500 6 3 8 0z" />
    </svg>
  );
}
