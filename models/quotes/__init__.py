"""Taxi trips: what will the meter say, before the trip begins?"""
