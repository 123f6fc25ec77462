import { expect, test } from 'vitest';
import { stillOwed } from './homes.js';

const dead = { home: '1', workerId: 'w1', owesHome: true };

test('processes left by a worker that was killed with its watchdog are excused until a worker with its home serves', () => {
  expect(stillOwed([dead, { home: '2', workerId: 'w2', owesHome: false }])).toEqual(['w1']);
  const heir = { home: '1', workerId: '', owesHome: true };
  expect(stillOwed([dead, heir])).toEqual(['w1']);
  expect(stillOwed([dead, { ...heir, workerId: 'w3', owesHome: false }])).toEqual([]);
  // The successor died before it served; the next one served.
  expect(stillOwed([dead, heir, { ...heir, workerId: 'w4', owesHome: false }])).toEqual([]);
  // The successor was killed with its watchdog, too: only its own processes are excused.
  expect(stillOwed([dead, { ...heir, workerId: 'w3' }])).toEqual(['w3']);
});

test('a worker that left no processes, or ended them itself, is not excused', () => {
  expect(stillOwed([{ ...dead, owesHome: false }])).toEqual([]);
});
