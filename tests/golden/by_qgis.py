"""Measure polygons on the ellipsoid by QGIS: WKT in EPSG:4548 from the input, areas [m2] to the output. See recipe.py."""

import json
import os
import sys

os.environ["QT_QPA_PLATFORM"] = "offscreen"

from qgis.core import Qgis, QgsApplication, QgsCoordinateReferenceSystem, QgsDistanceArea, QgsGeometry, QgsProject

application = QgsApplication([], False)
application.initQgis()
measure = QgsDistanceArea()
measure.setSourceCrs(QgsCoordinateReferenceSystem("EPSG:4548"), QgsProject.instance().transformContext())
measure.setEllipsoid("EPSG:1024")
shapes = [QgsGeometry.fromWkt(wkt).densifyByDistance(20) for wkt in json.load(sys.stdin)]
json.dump({"versions": Qgis.QGIS_VERSION, "ellipsoidal": [measure.measureArea(shape) for shape in shapes]}, sys.stdout)
sys.stdout.flush()
os._exit(0)
